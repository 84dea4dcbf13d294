-- Stands in front of every script: where a ride is in its stream of events, and how long its keys live.

local DAY = 86400

-- A ride that has no position, or one that no script of ours wrote, begins a new epoch. The candidate comes from
-- the caller because Lua's random numbers are the same on every server.
local function position(meta, log, candidate)
    local at = redis.call('HMGET', meta, 'epoch', 'offset')
    local epoch, offset = at[1], at[2]
    if epoch and #epoch == 8 and not string.find(epoch, '[^%w_-]')
            and offset and #offset <= 15 and string.find(offset, '^%d+$') then
        return epoch, offset
    end
    redis.call('DEL', log)
    redis.call('HSET', meta, 'epoch', candidate, 'offset', '0')
    return candidate, '0'
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
