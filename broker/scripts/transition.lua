-- A rider boards, exits or drops: set, offset, log and publication change together or not at all.
--
-- KEYS  users holders held meta log done
-- ARGV  channel kind socket node user epoch run sequence before cap
--
-- kind      board, exit, disconnect (told only if the rider is aboard and ours; `user` is empty)
-- epoch     for a ride that has none
-- run       names the sender's process; with `sequence`, which rises, it is the operation's id
-- before    the sequence of the sender's previous operation on this ride if that had no answer yet, else 0
-- cap       how many events the log keeps, about
--
-- One sender's operations on a ride are done in the order of their sequences, each once, whatever was lost or
-- overtaken on the way: `done` holds the last one. A repeated operation finds itself there and looks up its offset
-- in the log.
--
-- Answers {'ok', epoch, offset}, {'refused'} (another node holds the socket) or {'early'} (`before` is not done:
-- send again).

local users, holders, held, meta, log, done = unpack(KEYS)
local channel, kind, socket, node, user, candidate, run, sequence, before, cap = unpack(ARGV)

local SEARCHED = 128

local function offset_in_log(operation, otherwise)
    for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-', 'COUNT', SEARCHED)) do
        if entry[2][2] == operation then
            return string.match(entry[1], '^%d+')
        end
    end
    return otherwise
end

local function now()
    local time = redis.call('TIME')
    return time[1] .. string.format('%06d', time[2])
end

-- Every key is read before the first write: a key of the wrong type stops the script here, with nothing changed.
local aboard = redis.call('HGET', users, socket)
local holder = redis.call('HGET', holders, socket)
local last = tonumber(redis.call('GET', done) or 0)
redis.call('SCARD', held)
redis.call('XLEN', log)
local epoch, offset = position(meta, log, candidate)

local holder_node = holder and string.match(holder, '^(%S+) ')
local operation = run .. '-' .. sequence

if tonumber(before) > last then
    return {'early'}
end
if tonumber(sequence) <= last then
    return {'ok', epoch, offset_in_log(operation, offset)}
end
if kind == 'disconnect' then
    if not aboard or holder_node ~= node then
        set_expiry(users, meta, log)
        return {'ok', epoch, offset}
    end
    user = aboard
elseif holder_node and holder_node ~= node then
    return {'refused'}
end

local events = {board = 'boarded', exit = 'exited', disconnect = 'disconnected'}
local event = events[kind]
offset = string.format('%.0f', redis.call('HINCRBY', meta, 'offset', 1))
redis.call('XADD', log, 'MAXLEN', '~', cap, offset .. '-0',
    'op', operation, 'kind', event, 'socket', socket, 'user', user)
redis.call('SET', done, sequence, 'EX', DAY)
if kind == 'board' then
    redis.call('HSET', users, socket, user)
    if not holder_node then
        redis.call('HSET', holders, socket, node .. ' ' .. now())
    end
    redis.call('SADD', held, socket)
else
    redis.call('HDEL', users, socket)
    redis.call('HDEL', holders, socket)
    redis.call('SREM', held, socket)
end
set_expiry(users, meta, log)
redis.call('PUBLISH', channel, table.concat({epoch, offset, event, socket, user}, ' '))
return {'ok', epoch, offset}
