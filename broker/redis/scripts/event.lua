-- How an event is told.

-- Gives the event the next position, logs and publishes it. The log is written before anything else, so that where
-- it cannot be, nothing has changed; the new position is the caller's to keep.
local function tell(operation, kind, socket, record)
    local channel, _, cap = unpack(ARGV, 1, 3)
    local before = chain
    offset = string.format('%d', offset + 1)
    chain = chain_on(before, operation, kind, socket)
    redis.call('XADD', KEYS[5], 'MAXLEN', '~', cap, offset .. '-0',
        'chain', chain, 'op', operation, 'kind', kind, 'socket', socket, 'user', record)
    redis.call('PUBLISH', channel, epoch .. ' ' .. offset .. ' ' .. chain .. ' ' .. before .. ' ' .. kind .. ' '
        .. socket .. ' ' .. record)
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
