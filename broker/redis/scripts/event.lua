-- How events are told.

local told = {} -- and not published yet

-- Gives the event the next position and logs it. That is done before anything else, so that where it cannot be, nothing
-- has changed; the new position is the caller's to keep.
local function tell(operation, kind, socket, record)
    local before, number = chain, string.format('%d', offset + 1)
    local after = chain_on(before, operation, kind, socket)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[3], number .. '-0',
        'chain', after, 'op', operation, 'kind', kind, 'socket', socket, 'user', record)
    offset, chain = number, after
    told[#told + 1] = epoch .. ' ' .. offset .. ' ' .. chain .. ' ' .. before .. ' ' .. kind .. ' ' .. socket .. ' '
        .. record
end

-- Several go in one message, with a separator between that no record has in it (RFC 7464).
local function publish_told()
    if told[1] then
        redis.call(ARGV.publish or 'PUBLISH', ARGV[1], table.concat(told, '\30'))
        told = {}
    end
end

-- A connection that was aboard is over: its person leaves with the last one. Its entry in `away` is the caller's.
local function end_connection(operation, socket, id)
    local users, connections = unpack(KEYS)
    local others = without(redis.call('HGET', connections, '@' .. id), socket)
    local record = redis.call('HGET', users, id)
    if record then
        tell(operation, others == '' and 'disconnected' or 'ended', socket, record)
    end
    if others == '' then
        redis.call('HDEL', users, id)
        redis.call('HDEL', connections, socket, '@' .. id)
    else
        redis.call('HSET', connections, '@' .. id, others)
        redis.call('HDEL', connections, socket)
    end
end
