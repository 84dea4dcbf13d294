-- Takes out the riders whose recovery window has passed. Who is suspended for longer than a window from now was so
-- before Redis' clock was put back, and gets one window.
--
-- KEYS  users holders away meta log
-- ARGV  channel window epoch known_epoch known_offset limit cap
--
-- As in operation.lua; `limit` is how many sockets one call may take.
-- Answers {'ok', epoch, offset, sockets taken, suspended ones left} or {'none', suspended ones left}.

local users, holders, away, meta, log = unpack(KEYS)
local channel, window, candidate, known_epoch, known_offset, limit, cap = unpack(ARGV)

local now, latest = deadline_in(0), deadline_in(window)
local sockets = redis.call('ZRANGEBYSCORE', away, '-inf', now, 'LIMIT', 0, limit)
redis.call('HLEN', users)
redis.call('HLEN', holders)
redis.call('HLEN', meta)
redis.call('XLEN', log)
for _, socket in ipairs(redis.call('ZRANGEBYSCORE', away, '(' .. latest, '+inf', 'LIMIT', 0, limit)) do
    redis.call('ZADD', away, latest, socket)
end
if #sockets == 0 then
    return {'none', redis.call('ZCARD', away)}
end
local epoch, offset = position(users, meta, log, candidate, known_epoch, known_offset)
local ride = {meta = meta, log = log, channel = channel, cap = cap, epoch = epoch}

for _, socket in ipairs(sockets) do
    local user = redis.call('HGET', users, socket)
    redis.call('ZREM', away, socket)
    redis.call('HDEL', users, socket)
    redis.call('HDEL', holders, socket)
    if user then
        offset = tell(ride, 'sweep', 'disconnected', socket, user)
    end
end
set_expiry(users, meta, log)
return {'ok', epoch, offset, #sockets, redis.call('ZCARD', away)}
