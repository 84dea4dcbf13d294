-- A rider boards, exits or drops for good. A disconnection is told only if the rider is aboard and this node's.

local SEARCHED = 128

local function offset_in_log()
    for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-', 'COUNT', SEARCHED)) do
        if entry[2][2] == operation then
            return string.match(entry[1], '^%d+')
        end
    end
end

if repeated then
    local told = offset_in_log()
    if stale and not told and kind ~= 'disconnect' then
        return refuse()
    end
    offset = told or offset
    return ok(mine and since)
end

if kind == 'disconnect' then
    unlist()
    if not aboard or not mine then
        return ok()
    end
    user = aboard
elseif stale then
    return refuse()
end

if kind == 'board' then
    since = mine and since or (tenure ~= '0' and tenure or clock())
    redis.call('HSET', users, socket, user)
    hold(since)
    publish('boarded', user)
    return ok(since)
end
stays = false
redis.call('HDEL', users, socket)
redis.call('HDEL', holders, socket)
unlist()
if suspended then
    redis.call('ZREM', away, socket)
end
publish(kind == 'exit' and 'exited' or 'disconnected', user)
return ok()
