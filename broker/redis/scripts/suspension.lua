-- Connections that nobody holds, until a deadline.

-- What is so many milliseconds from now, in milliseconds.
local function deadline_in(wait)
    local time = redis.call('TIME')
    return string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000) + wait)
end

local function suspend_connection(socket, since, id, wait)
    local _, connections, away = unpack(KEYS)
    redis.call('ZADD', away, deadline_in(wait), socket)
    redis.call('HSET', connections, socket, NOBODY .. ' ' .. since .. ' ' .. id)
end
