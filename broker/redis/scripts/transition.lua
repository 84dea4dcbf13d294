-- A rider boards, exits or drops for good. A disconnection is told only if the connection is aboard and this node's.
-- `detail` of a boarding that was done before, so long ago that the log does not have it: the person's record now.

if repeated then
    local told
    for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-', 'COUNT', SEARCHED)) do
        if entry[2][4] == operation then
            told = true
            offset, chain = string.match(entry[1], '^%d+'), entry[2][2]
            break
        end
    end
    if stale and not told and kind ~= 'disconnect' then
        word = 'refused'
    else
        from = (mine or suspended) and since
        detail = kind == 'board' and not told and aboard
    end
elseif kind == 'disconnect' then
    if mine and current ~= '' then
        end_connection(operation, socket, current)
        stays = false
    elseif mine then
        redis.call('HDEL', connections, socket)
    end
elseif stale then
    word = 'refused'
elseif kind == 'board' then
    -- Of a person who has as many connections as may be, the one that has been suspended longest gives way.
    local oldest, first
    if list and not has(list, socket) and #list >= limit * 21 - 1 then
        for other in string.gmatch(list, '%S+') do
            local deadline = tonumber(redis.call('ZSCORE', away, other) or nil)
            if deadline and (not first or deadline < first) then
                oldest, first = other, deadline
            end
        end
        if oldest then
            end_connection(operation, oldest, id)
            redis.call('ZREM', away, oldest)
            list = without(list, oldest)
        else
            word = 'crowded'
        end
    end
    if word == 'ok' then
        if moves then
            end_connection(operation, socket, current)
        end
        tell(operation, 'boarded', socket, user)
        redis.call('HSET', users, id, user)
        -- What has been put off is obtained anew, later than the exit that did so.
        from = current == '' and clock_after(since) or mine and since or tenure ~= '0' and tenure or clock_after(0)
        holds = true
    end
else
    -- The person is gone with all its connections. The others are marked: no restoration is to bring the person back.
    -- Those that are connected stay so, those that are suspended end in silence; a node that was only silent may still
    -- have them.
    stays = false
    if list then
        redis.call('ZCARD', away)
    end
    if moves then
        end_connection(operation, socket, current)
    end
    tell(operation, 'exited', socket, user)
    redis.call('HDEL', users, id)
    for other in string.gmatch(list or '', '%S+') do
        local other_holder, other_since = read_connection(redis.call('HGET', connections, other))
        if other ~= socket and other_holder then
            redis.call('HSET', connections, other, other_holder .. ' ' .. clock_after(other_since) .. ' ')
        else
            redis.call('HDEL', connections, other)
            redis.call('ZREM', away, other)
        end
    end
    redis.call('HDEL', connections, socket, '@' .. id)
    if suspended then
        redis.call('ZREM', away, socket)
    end
end
