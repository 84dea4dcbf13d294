-- How events are told.
--
-- While a slot of a Redis Cluster is on its way to another server, a key that a script has emptied counts as one that
-- has left already: a command for it ends the script, and what that has written stays. So scripts read a key before
-- they may empty it, keep count of who is aboard, and touch nothing any more behind what says that they are done.

local told = {} -- and not published yet
local persons -- how many are aboard; read by the script

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

-- A connection that was aboard is over: its person leaves with the last one. Its entry in `away` is the caller's;
-- where it is put off, `rest` is what becomes of the other.
local function end_connection(operation, socket, id, rest)
    local users, connections = unpack(KEYS)
    local others = without(redis.call('HGET', connections, '@' .. id), socket)
    local record = persons > 0 and redis.call('HGET', users, id)
    if record then
        tell(operation, others == '' and 'disconnected' or 'ended', socket, record)
    end
    if record and others == '' then
        persons = persons - redis.call('HDEL', users, id)
    end
    if rest then
        redis.call('HSET', connections, socket, rest)
    end
    if others == '' then
        redis.call('HDEL', connections, '@' .. id, rest and '@' .. id or socket)
    else
        redis.call('HSET', connections, '@' .. id, others)
        if not rest then
            redis.call('HDEL', connections, socket)
        end
    end
end
