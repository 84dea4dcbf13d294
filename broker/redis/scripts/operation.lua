-- Stands in front of the scripts that a node calls for one of its sockets.
--
-- KEYS  users holders held away meta log done
-- ARGV  channel kind socket node user tenure window epoch known_epoch known_offset run sequence before cap
--
-- kind      for transition.lua: board, exit or disconnect
-- user      the record, empty where the operation needs none
-- tenure    when the node obtained the socket, by clock(); 0: it did not, as far as it knows
-- window    how long a suspended rider stays aboard, in milliseconds
-- epoch     for a ride that has none
-- known_*   the latest position the sender knows, or an empty epoch and 0
-- run       names the sender's process; with `sequence`, which rises, it is the operation's id
-- before    the sequence of the sender's previous operation on this ride if that had no answer yet, else 0
-- cap       how many events the log keeps, about
--
-- One sender's operations on a ride are done in the order of their sequences, each once, whatever was lost or
-- overtaken on the way: `done` holds the last one. A repeated operation changes nothing.
--
-- An operation is of the epoch that its sender knows. In another one it is not done: it may have been on its way since
-- before this Redis lost what it had, from a process that is dead by now, and nobody would look after its rider. A sender
-- that lives sends it again, having heard of the epoch.
--
-- Answers {'ok', epoch, offset, tenure, detail}, {'refused'} (another node has obtained the socket later), {'early'}
-- (`before` is not done: send again) or {'moved', epoch, offset} (the ride has begun anew: send again).

local users, holders, held, away, meta, log, done = unpack(KEYS)
local channel, kind, socket, node, user, tenure, window, candidate, known_epoch, known_offset,
    run, sequence, before, cap = unpack(ARGV)

-- Every key is read before the first write: a key of the wrong type stops the script here, with nothing changed. What
-- is read also saves writes that would change nothing: each call costs Redis about as much as all else around it.
local aboard = redis.call('HGET', users, socket)
local holder, since = read_holder(redis.call('HGET', holders, socket))
local last = tonumber(redis.call('GET', done) or 0)
local listed = redis.call('SISMEMBER', held, socket) == 1
local suspended = redis.call('ZSCORE', away, socket)
redis.call('XLEN', log)
local epoch, offset = position(users, meta, log, candidate, known_epoch, known_offset)

if known_epoch ~= '' and known_epoch ~= epoch then
    set_expiry(users, meta, log)
    return {'moved', epoch, offset}
end
if tonumber(before) > last then
    return {'early'}
end
local operation = run .. '-' .. sequence
local repeated = tonumber(sequence) <= last
local mine = holder == node
local stale = holder and not mine and tonumber(since) >= tonumber(tenure)
if not repeated then
    redis.call('SET', done, sequence, 'EX', DAY)
end

-- The socket is this node's. What another node's set still has of it is left for that node, or for who reaps it; if
-- it has not suspended the rider, it does not know yet, and is told.
local function hold(from)
    if not mine or from ~= since then
        redis.call('HSET', holders, socket, node .. ' ' .. from)
    end
    if not listed then
        redis.call('SADD', held, socket)
    end
    if suspended then
        redis.call('ZREM', away, socket)
    elseif holder and not mine then
        local prefix, ride = string.match(held, '^([^{]*){([^}]*)}')
        redis.call('PUBLISH', prefix .. 'node:' .. holder, table.concat({from, socket, ride}, ' '))
    end
end

local function unlist()
    if listed then
        redis.call('SREM', held, socket)
    end
end

local function refuse()
    unlist()
    return {'refused'}
end

local function publish(event, record)
    offset = tell({meta = meta, log = log, channel = channel, cap = cap, epoch = epoch},
        operation, event, socket, record)
end

-- Where somebody is aboard before and after, the keys live already.
local stays = aboard

local function ok(from, detail)
    if not stays then
        set_expiry(users, meta, log)
    end
    return {'ok', epoch, offset, from or '0', detail or ''}
end
