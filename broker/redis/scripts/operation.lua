-- The operations of each ride in turn; answer.lua, where that ends, has what is done with each. The piece between them
-- decides what is done, and says by `word`, `from`, `detail`, `holds` and `stays` what answer.lua makes of it.
--
-- An operation is  kind socket id user tenure sequence limit
--
-- kind      for transition.lua: board, exit, disconnect, or again: to board, which was sent before and may have been
--           done; for the others: up to which offset of this epoch the node has heard every event, nothing where it
--           does not know; then, if it has heard the boarding that told the record, the fingerprints before and after
--           that, a space before each
-- id, user  the person and its record, empty where the operation needs none
-- tenure    when the node obtained the connection, by Redis' clock in microseconds; 0: it did not, as far as it knows
-- sequence  rises from one operation of the sender's process to the next: with `run` it is the operation's id
-- limit     of a boarding: how many connections one person may have; of an exit or a disconnection: 1 where the client
--           came back with the socket, so that other nodes may be late with what it said there, else 0; for
--           suspend.lua: another window, where it is not 0
--
-- One sender's operations on a ride are done in the order of their sequences, each once, whatever was lost or
-- overtaken on the way: `done:<run>` in `meta` holds the last one. A repeated operation changes nothing. Each is judged
-- as if it had come alone, right behind the one before it.
--
-- An operation is of the epoch that its sender knows. In another one it is not done: it may have been on its way since
-- before this Redis lost what it had, from a process that is dead by now, and nobody would look after its rider. A
-- sender that lives sends it again, having heard of the epoch.
--
-- Answers a list with, for each operation, `ok epoch offset chain tenure detail`, `done` and the same where it was done
-- before, `refused` (another node has obtained the connection later), `crowded` (the person has too many), `early` (the
-- operation before it is not done: send again) or `moved epoch offset chain` (the ride has begun anew: send again). Only
-- what is answered `ok` counts as done: anything else, sent again, is judged anew.
--
-- An error is one of the ride whose turn it is: all of those before it has been done, and nothing of that one counts as
-- done. What it may have changed in silence, its repetition finds the same.

local AHEAD = 86400e6 -- for longer, in the microseconds of a clock, no operation waits for its answer
local SEARCHED = 128 -- entries of the log, from its end

local node, run = unpack(ARGV, 9, 10)
local answers = {}
local at = 11 -- what is read of ARGV next
for turn = 1, #KEYS / 5 do
    if turn > 1 then
        for i = 1, 5 do
            KEYS[i] = KEYS[5 * turn - 5 + i]
        end
        ARGV[1], ARGV[5], ARGV[6], ARGV[7], ARGV[8] = unpack(ARGV, at, at + 4)
        at = at + 5
    end
    local users, connections, away, meta, log = unpack(KEYS)
    local window, known_epoch = ARGV[2], ARGV[5]
    local count, before = tonumber(ARGV[at]), ARGV[at + 1]
    at = at + 2

    -- Every key is read before the first write: a key of the wrong type stops the script here, or at the log, before
    -- anything of the ride is told. Each call costs Redis about as much as all else around it: nothing is read that is
    -- not needed, and what is known of the connections for all operations at once.
    local fields = {}
    for first = at, at + 7 * count - 7, 7 do
        fields[#fields + 1] = ARGV[first + 1]
        fields[#fields + 1] = '@' .. ARGV[first + 2]
    end
    local found = redis.call('HMGET', connections, unpack(fields))
    persons = redis.call('HLEN', users)
    local was_empty = persons == 0
    if count > 1 then
        redis.call('ZCARD', away)
    end
    local last
    epoch, offset, chain, last = find_position('done:' .. run)
    last = tonumber(last or 0) or 0
    if last - ARGV[at + 5] > AHEAD then
        last = 0 -- no script of ours wrote that
    end
    local early = before ~= '0' and tonumber(before) > last

    local done -- the sequence of the last one that this call does
    local may_end -- somebody may have left, or a new epoch begun
    local logged -- the latest events by operation, where one is looked for; listed, those that may tell of another
    for number = 1, count do
        local kind, socket, id, user, tenure, sequence, limit = unpack(ARGV, at, at + 6)
        local step = tonumber(sequence)
        local word = 'ok'
        at = at + 7
        if known_epoch ~= '' and known_epoch ~= epoch then
            word = 'moved ' .. epoch .. ' ' .. offset .. ' ' .. chain
            may_end = true
        elseif early then
            word = 'early'
        else
            local text, list
            if found then
                text, list = found[2 * number - 1], found[2 * number]
            else
                text, list = unpack(redis.call('HMGET', connections, socket, '@' .. id))
            end
            local holder, since, current = read_connection(text)
            local suspended = holder == NOBODY
            if suspended and count == 1 then
                redis.call('ZCARD', away)
            end

            -- It may be the ride's first: from now on there is a position, and what follows finds that this one was
            -- done.
            if offset == '0' and epoch == FIRST then
                redis.call('DEL', log)
                redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'chain', chain, 'began', 0)
            end
            local operation = run .. '-' .. sequence
            local repeated = step <= last
            local mine = holder == node

            -- Who suspended or reaped it has obtained nothing: at the same tenure it may be taken back.
            local stale = holder and not mine
                and (tonumber(since) > tonumber(tenure) or since == tenure and not suspended)

            -- It is aboard as somebody else, who goes first.
            local moves = current and current ~= '' and current ~= id

            local place -- of an event that was told before
            local from, detail -- since when the node has the connection, and what else is answered
            local holds = false -- the connection is this node's, aboard as `id`, from then on
            local stays = true -- nobody leaves
