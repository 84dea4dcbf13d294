-- Stands in front of every script: a ride's keys, where it is in its stream of events, how an event is told, what a
-- person's connections are, and how long keys live.
--
-- KEYS  users connections away meta log
-- ARGV  channel window cap candidate known_epoch known_offset known_chain left, then the script's own
--
-- window    how long a suspended connection is waited for, in milliseconds
-- cap       how many events the log keeps, about
-- candidate the epoch of a ride that has none. It comes from the caller because Lua's random numbers are the same on
--           every server
-- known_*   the latest position the caller knows. An empty epoch: none. An empty chain: the caller had it compared just
--           now, and events have come since
-- left      epochs, with a space between, that the caller has left for the known one

local users, connections, away, meta, log = unpack(KEYS)
local channel, window, cap, candidate, known_epoch, known_offset, known_chain, left = unpack(ARGV, 1, 8)

-- Where the ride is.
local epoch, offset, chain

local BEGINNING = '00000000'

-- Redis' clock in microseconds, as the script began. A double holds it exactly. It may step, ahead or back.
local moment_now
local function clock()
    if not moment_now then
        local time = redis.call('TIME')
        moment_now = string.format('%d%06d', time[1], time[2])
    end
    return moment_now
end

-- The same, and later than that in any case.
local function clock_after(moment)
    local now = clock()
    return tonumber(now) > tonumber(moment) and now or string.format('%.0f', moment + 1)
end

-- What is so many milliseconds from now, in milliseconds.
local function deadline_in(wait)
    return string.format('%.0f', math.floor(clock() / 1000) + wait)
end

-- --- positions ---

-- The fingerprint of all events up to one, from that of all before it.
local function chain_on(before, operation, kind, socket)
    return string.sub(redis.sha1hex(before .. ' ' .. operation .. ' ' .. kind .. ' ' .. socket), 1, 8)
end

local function is_position()
    return epoch and offset and chain and #epoch == 8 and #offset <= 15 and #chain == 8
        and string.find(epoch, '^[%w_-]+$') and string.find(offset, '^%d+$') and string.find(chain, '^[%da-f]+$')
end

-- Whether the ride's events go on from a position of its epoch. What the log does not reach is believed.
local function leads_on(from_offset, from_chain)
    local behind = offset - from_offset
    if behind < 0 or from_chain == '' then
        return behind >= 0
    end
    if behind == 0 then
        return chain == from_chain
    end
    local entry = redis.call('XRANGE', log, from_offset .. '-0', '+', 'COUNT', 1)[1]
    if not entry then
        return true
    end
    local id, fields = entry[1], entry[2]
    if #fields < 8 then
        return false -- no event of ours
    end
    if id == from_offset .. '-0' then
        return fields[2] == from_chain
    end
    return id ~= string.format('%.0f-0', from_offset + 1)
        or fields[2] == chain_on(from_chain, fields[4], fields[6], fields[8])
end

-- A new epoch. `began` says how many were aboard: with nobody, its log tells everything about it. Whoever follows the
-- ride is told, since there may be no event for long.
local function begin_anew()
    redis.call('DEL', log)
    epoch, offset, chain = candidate, '0', BEGINNING
    redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'chain', chain, 'began', redis.call('HLEN', users))
    if known_epoch ~= '' then
        redis.call('PUBLISH', channel, 'anew')
    end
end

-- Whether Redis has gone back: to before what the caller knows, or to an epoch that is over. Then this is an older
-- copy, and what was told since would be told anew under the same numbers.
local function has_gone_back()
    if epoch == known_epoch then
        return not leads_on(known_offset, known_chain)
    end
    return left ~= '' and string.find(left, epoch, 1, true)
end

-- Finds where the ride is. It begins a new epoch when it has no position, or one that no script of ours wrote, or when
-- Redis has gone back. Answers another field of `meta` as well.
local function find_position(field)
    local at = redis.call('HMGET', meta, 'epoch', 'offset', 'chain', field or 'began')
    epoch, offset, chain = at[1], at[2], at[3]
    if not is_position() or has_gone_back() then
        begin_anew()
    end
    return at[4]
end

-- Gives the event the next position, logs and publishes it. The log is written before anything else, so that where
-- it cannot be, nothing has changed; keep_position() follows.
local function tell(operation, kind, socket, record)
    local before = chain
    local next_offset = string.format('%.0f', offset + 1)
    local next_chain = chain_on(before, operation, kind, socket)
    redis.call('XADD', log, 'MAXLEN', '~', cap, next_offset .. '-0',
        'chain', next_chain, 'op', operation, 'kind', kind, 'socket', socket, 'user', record)
    offset, chain = next_offset, next_chain
    redis.call('PUBLISH', channel, epoch .. ' ' .. offset .. ' ' .. chain .. ' ' .. before .. ' ' .. kind .. ' '
        .. socket .. ' ' .. record)
end

local function keep_position()
    redis.call('HSET', meta, 'offset', offset, 'chain', chain)
end

-- Nothing expires while somebody is aboard: a position lost under riders would number their next events anew. Of an
-- empty ride position and log stay until whoever was away from it may have come back, and for `at_least` milliseconds.
local function set_expiry(at_least)
    if redis.call('HLEN', users) > 0 then
        redis.call('PERSIST', meta)
        redis.call('PERSIST', log)
    else
        local life = math.max(window + 10000, at_least or 30000)
        redis.call('PEXPIRE', meta, life)
        redis.call('PEXPIRE', log, life)
    end
end

-- --- persons and their connections ---

local NOBODY = '-' -- holds a connection that is suspended

-- The node that holds a connection, since when, and as whom it is aboard (empty: its person has exited elsewhere), from
-- what `connections` has under it; nothing if that is not ours. Up to the last moment a double holds each exactly.
local LAST_MOMENT = '9007199254740992'

local function read_connection(text)
    local holder, since, id = string.match(text or '', '^(%S+) (%d+) (.*)$')
    if holder and (#since < #LAST_MOMENT or #since == #LAST_MOMENT and since <= LAST_MOMENT) then
        return holder, since, id
    end
end

-- A person's connections, of which the list may be missing.
local function has(list, socket)
    return list and string.find(list, socket, 1, true)
end

local function with(list, socket)
    return list and list ~= '' and list .. ' ' .. socket or socket
end

local function without(list, socket)
    local others = {}
    for other in string.gmatch(list or '', '%S+') do
        if other ~= socket then
            others[#others + 1] = other
        end
    end
    return table.concat(others, ' ')
end

-- A connection that was aboard is over: its person leaves with the last one. Its entry in `away` is the caller's.
local function end_connection(operation, socket, id)
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

local function suspend_connection(socket, since, id, wait)
    redis.call('ZADD', away, deadline_in(wait), socket)
    redis.call('HSET', connections, socket, NOBODY .. ' ' .. since .. ' ' .. id)
end

local function prefix_and_name()
    return string.match(users, '^([^{]*){([^}]*)}')
end
