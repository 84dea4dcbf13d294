-- Takes sockets from a dead node: its riders are suspended, or leave at once where there is no recovery. What it no
-- longer holds is only struck off its set.
--
-- KEYS  users holders held away meta log
-- ARGV  channel node window epoch known_epoch known_offset limit cap
--
-- As in operation.lua; `held` and `node` are the dead node's, `limit` is how many sockets one call may take.
-- Answers {'ok', epoch, offset, riders taken, sockets left} or {'none'}.

local users, holders, held, away, meta, log = unpack(KEYS)
local channel, node, window, candidate, known_epoch, known_offset, limit, cap = unpack(ARGV)

local sockets = redis.call('SRANDMEMBER', held, limit)
redis.call('HLEN', users)
redis.call('HLEN', holders)
redis.call('ZCARD', away)
redis.call('XLEN', log)
if #sockets == 0 then
    return {'none'}
end
local epoch, offset = position(users, meta, log, candidate, known_epoch, known_offset)
local ride = {meta = meta, log = log, channel = channel, cap = cap, epoch = epoch}
local deadline = deadline_in(window)
local taken = 0

for _, socket in ipairs(sockets) do
    redis.call('SREM', held, socket)
    if read_holder(redis.call('HGET', holders, socket)) == node then
        local user = redis.call('HGET', users, socket)
        if user and window ~= '0' then
            redis.call('ZADD', away, deadline, socket)
            taken = taken + 1
        else
            redis.call('HDEL', users, socket)
            redis.call('HDEL', holders, socket)
        end
        if user and window == '0' then
            offset = tell(ride, 'reap', 'disconnected', socket, user)
            taken = taken + 1
        end
    end
end
set_expiry(users, meta, log)
return {'ok', epoch, offset, taken, redis.call('SCARD', held)}
