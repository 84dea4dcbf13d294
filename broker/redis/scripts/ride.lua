-- Stands in front of every script that changes a ride: where it is in its stream of events, how an event is told,
-- and how long its keys live.

local DAY = 86400

-- Redis' clock in microseconds. A double holds it exactly. It may step, ahead or back.
local function clock()
    local time = redis.call('TIME')
    return string.format('%d%06d', time[1], time[2])
end

-- The same, and later than that in any case.
local function clock_after(moment)
    local now = clock()
    return tonumber(now) > tonumber(moment) and now or string.format('%.0f', moment + 1)
end

-- When a suspension that begins now is over, in milliseconds.
local function deadline_in(window)
    return string.format('%.0f', math.floor(clock() / 1000) + window)
end

local function whole(epoch, offset)
    return epoch and #epoch == 8 and not string.find(epoch, '[^%w_-]')
        and offset and #offset <= 15 and string.find(offset, '^%d+$')
end

-- A ride begins a new epoch when it has no position, or one that no script of ours wrote, or one that the caller
-- knows to have been passed (`known_*`): then this is an older copy, and what was told since would be told anew under
-- the same numbers. The candidate comes from the caller because Lua's random numbers are the same on every server.
-- `began` says how many were aboard as the epoch began: with nobody, its log tells everything about it.
local function position(users, meta, log, candidate, known_epoch, known_offset)
    local at = redis.call('HMGET', meta, 'epoch', 'offset')
    local epoch, offset = at[1], at[2]
    if whole(epoch, offset) and (epoch ~= known_epoch or tonumber(offset) >= tonumber(known_offset)) then
        return epoch, offset
    end
    redis.call('DEL', log)
    redis.call('HSET', meta, 'epoch', candidate, 'offset', '0', 'began', redis.call('HLEN', users))
    return candidate, '0'
end

-- Gives the event the next offset, logs and publishes it. Answers the offset.
local function tell(ride, operation, kind, socket, user)
    local offset = string.format('%.0f', redis.call('HINCRBY', ride.meta, 'offset', 1))
    redis.call('XADD', ride.log, 'MAXLEN', '~', ride.cap, offset .. '-0',
        'op', operation, 'kind', kind, 'socket', socket, 'user', user)
    redis.call('PUBLISH', ride.channel, table.concat({ride.epoch, offset, kind, socket, user}, ' '))
    return offset
end

-- The node that holds a socket and since when, from what `holders` has under it; nothing if that is not ours.
local function read_holder(holder)
    if holder then
        return string.match(holder, '^(%S+) (%d+)$')
    end
end

-- Nothing expires while somebody is aboard: a position lost under riders would number their next events anew. Of an
-- empty ride only position and log are left, and a day after its last use they go too.
local function set_expiry(users, meta, log)
    if redis.call('HLEN', users) > 0 then
        redis.call('PERSIST', meta)
        redis.call('PERSIST', log)
    else
        redis.call('EXPIRE', meta, DAY)
        redis.call('EXPIRE', log, DAY)
    end
end
