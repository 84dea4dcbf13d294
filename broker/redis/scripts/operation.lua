-- Stands in front of the scripts that a node calls for one of its connections.
--
-- ARGV  kind socket node id user tenure run sequence before limit
--
-- kind      for transition.lua: board, exit or disconnect; for the others: up to which offset of this epoch the node
--           has heard every event; empty: it does not know
-- id, user  the person and its record, empty where the operation needs none
-- tenure    when the node obtained the connection, by Redis' clock in microseconds; 0: it did not, as far as it knows
-- run       names the sender's process; with `sequence`, which rises, it is the operation's id
-- before    the sequence of the sender's previous operation on this ride if that had no answer yet, else 0
-- limit     of a boarding: how many connections one person may have; of an exit or a disconnection: 1 where the client
--           came back with the socket, so that other nodes may be late with what it said there, else 0; for
--           suspend.lua: another window, where it is not 0
--
-- One sender's operations on a ride are done in the order of their sequences, each once, whatever was lost or
-- overtaken on the way: `done:<run>` in `meta` holds the last one. A repeated operation changes nothing.
--
-- An operation is of the epoch that its sender knows. In another one it is not done: it may have been on its way since
-- before this Redis lost what it had, from a process that is dead by now, and nobody would look after its rider. A
-- sender that lives sends it again, having heard of the epoch.
--
-- What stands behind this decides what is done, and says by `word`, `from`, `detail`, `holds` and `stays` what
-- answer.lua makes of it.
--
-- Answers `ok epoch offset chain tenure detail`, `done` and the same where it was done before, `refused` (another node
-- has obtained the connection later), `crowded` (the person has too many), `early` (`before` is not done: send again) or
-- `moved epoch offset chain` (the ride has begun anew: send again): a text, which costs less than a list. Only what is
-- answered `ok` counts as done: anything else, sent again, is judged anew.

local kind, socket, node, id, user, tenure, run, sequence, before, limit = unpack(ARGV, 9)

local AHEAD = 86400e6 -- for longer, in the microseconds of a clock, no operation waits for its answer
local SEARCHED = 128 -- entries of the log, from its end

-- Every key is read before the first write: a key of the wrong type stops the script here, or at the log, with nothing
-- changed. Each call costs Redis about as much as all else around it: nothing is read that is not needed.
local found = redis.call('HMGET', connections, socket, '@' .. id)
local holder, since, current = read_connection(found[1])
local list = found[2]
local person = id ~= '' and id or current ~= '' and current
local aboard
if person then
    aboard = redis.call('HGET', users, person)
else
    redis.call('HLEN', users)
end
local last
epoch, offset, chain, last = find_position('done:' .. run)
last = tonumber(last or 0) or 0
local step = tonumber(sequence)
if last - step > AHEAD then
    last = 0 -- no script of ours wrote that
end
local suspended = holder == NOBODY
if suspended then
    redis.call('ZCARD', away)
end

if known_epoch ~= '' and known_epoch ~= epoch then
    set_expiry()
    return 'moved ' .. epoch .. ' ' .. offset .. ' ' .. chain
end
if before ~= '0' and tonumber(before) > last then
    return 'early'
end

-- It may be the ride's first: from now on there is a position, and what follows finds that this one was done.
if offset == '0' and epoch == FIRST then
    redis.call('DEL', log)
    redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'chain', chain, 'began', 0)
end
local operation = run .. '-' .. sequence
local repeated = step <= last
local mine = holder == node

-- Who suspended or reaped it has obtained nothing: at the same tenure it may be taken back.
local stale = holder and not mine and (tonumber(since) > tonumber(tenure) or since == tenure and not suspended)

-- It is aboard as somebody else, who goes first.
local moves = current and current ~= '' and current ~= id

local word = 'ok'
local from, detail -- since when the node has the connection, and what else is answered
local holds = false -- the connection is this node's, aboard as `id`, from then on
local stays = aboard -- somebody is aboard before and after: the keys live already
