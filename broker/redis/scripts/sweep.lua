-- Ends the suspended connections whose window has passed, those that are put off in silence, and not until twenty
-- seconds after the last node obtained them: another one, that has stood still since, may be late with what the client
-- said to it before. Whose deadline is further from now than a window was suspended before Redis' clock was put back,
-- and gets one window.
--
-- ARGV  limit
--
-- `limit` is how many connections one call may take.
-- Answers {'ok', epoch, offset, chain, connections ended, suspended ones left} or {'none', suspended ones left}.

local limit = ARGV[9]
local KEPT_MS = 20000

local now, latest = deadline_in(0), deadline_in(math.max(window, 2000))
local sockets = redis.call('ZRANGEBYSCORE', away, '-inf', now, 'LIMIT', 0, limit)
persons = redis.call('HLEN', users)
redis.call('HLEN', connections)
redis.call('HLEN', meta)
redis.call('XLEN', log)
local left = redis.call('ZCARD', away)
for _, socket in ipairs(redis.call('ZRANGEBYSCORE', away, '(' .. latest, '+inf', 'LIMIT', 0, limit)) do
    redis.call('ZADD', away, latest, socket)
end
if #sockets == 0 then
    return {'none', left}
end
local found = redis.call('HMGET', connections, unpack(sockets))
epoch, offset, chain = find_position()
local ended = 0
for i, socket in ipairs(sockets) do
    local holder, since, id = read_connection(found[i])
    local put_off = holder == NOBODY and id == ''
    local rest = put_off and math.floor(since / 1000) + KEPT_MS - now
    if put_off and rest > 0 and rest <= KEPT_MS then
        redis.call('ZADD', away, string.format('%d', math.min(now + rest, latest)), socket)
    else
        if put_off then
            redis.call('HDEL', connections, socket)
        elseif holder == NOBODY then
            end_connection(candidate .. i, socket, id)
        end
        left = left - redis.call('ZREM', away, socket)
        ended = ended + 1
    end
end
set_expiry(persons)
if offset ~= '0' then
    redis.call('HSET', meta, 'offset', offset, 'chain', chain)
end
publish_told()
return {'ok', epoch, offset, chain, ended, left}
