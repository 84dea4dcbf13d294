-- A rider boards, exits or drops for good. A disconnection is told only if the connection is aboard and this node's.
-- Where the client came back with the socket, its end is kept in mind: it is put off, so that what was said to another
-- node before is refused, as its tenure is older.
-- `detail` of a boarding that was done before, so long ago that the log does not have it: the person's record now.

local again = kind == 'again'
if again then
    kind = 'board'
end

-- The event that has told of it before.
local event
if repeated or again then
    -- What was done is before what is new, so the log is as it was when the first one is looked for.
    if not logged then
        logged = {}
        for _, entry in ipairs(redis.call('XREVRANGE', log, '+', '-', 'COUNT', SEARCHED)) do
            local name = entry[2][4] or ''
            logged[name] = logged[name] or entry
            if entry[2][6] == 'exited' or string.find(name, ' ', 1, true) then
                logged[#logged + 1] = entry
            end
        end
    end
    event = logged[operation]
end

-- It was done, Redis has lost that, and a node that had heard it has put it back: it is known by its fingerprints. That
-- has told of it, unless the person is gone again. Where that was an exit, this boarding is over.
local has_exited = false
if again and not event then
    for _, entry in ipairs(logged) do
        local before, after = string.match(entry[2][4] or '', ' (%x+) (%x+)$')
        if entry[2][6] == 'exited' then
            local readable, parsed = pcall(cjson.decode, entry[2][10])
            has_exited = has_exited or readable and type(parsed) == 'table' and parsed.id == id
        elseif before and entry[2][10] == user and chain_on(before, operation, 'boarded', socket) == after then
            event = entry
            break
        end
    end
    if not has_exited and not (persons > 0 and redis.call('HEXISTS', users, id) == 1) then
        event = nil
    end
end
if event then
    place = epoch .. ' ' .. string.match(event[1], '^%d+') .. ' ' .. event[2][2]
end

if repeated then
    local put_off = suspended and current == ''
    if stale and not put_off and not event and kind ~= 'disconnect' then
        word = 'refused'
    else
        from = (mine or suspended and not put_off) and since
        if not event and kind == 'board' then
            detail = redis.call('HGET', users, id)
        end
    end
elseif stale and kind ~= 'disconnect' then
    word = 'refused'
elseif kind == 'board' then
    -- Of a person who has as many connections as may be, the one that has been suspended longest gives way.
    local oldest, first
    if list and not event and not has(list, socket) and #list >= limit * 21 - 1 then
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
        if not event then
            tell(operation, 'boarded', socket, user)
            persons = persons + redis.call('HSET', users, id, user)
        end
        if event and has_exited then
            from = mine and since
            stays = false
        else
            -- What the node does not have, or was put off, is obtained anew: later than an exit that did so.
            from = mine and current ~= '' and since or clock_after(math.max(since or 0, tenure))
            holds = true
        end
    end
elseif kind == 'exit' or mine then
    if list or limit == '1' then
        redis.call('ZCARD', away)
    end
    local rest
    if limit == '1' then
        local latest = mine and tonumber(since) > tonumber(tenure) and since or tenure
        rest = NOBODY .. ' ' .. latest .. ' '
    end
    if kind == 'exit' then
        -- The person is gone with all its connections. The others are put off: no restoration is to bring the person
        -- back. Those that are connected stay so, those that are suspended end in silence; a node that was only silent
        -- may still have them.
        stays = false
        if moves then
            end_connection(operation, socket, current, rest)
        end
        tell(operation, 'exited', socket, user)
        persons = persons - redis.call('HDEL', users, id)
        for other in string.gmatch(list or '', '%S+') do
            local other_holder, other_since, as = read_connection(redis.call('HGET', connections, other))
            if other ~= socket and as == id then
                redis.call('HSET', connections, other, other_holder .. ' ' .. other_since .. ' ')
            end
        end
        if rest then
            redis.call('HSET', connections, socket, rest)
            redis.call('HDEL', connections, '@' .. id)
        else
            redis.call('HDEL', connections, socket, '@' .. id)
        end
        if suspended and not rest then
            redis.call('ZREM', away, socket)
        end
    elseif current ~= '' then
        end_connection(operation, socket, current, rest)
        stays = false
    elseif rest then
        redis.call('HSET', connections, socket, rest)
    else
        redis.call('HDEL', connections, socket)
    end
    if rest then
        redis.call('ZADD', away, string.format('%d', clock_after(0) / 1000 + math.max(window, 2000)), socket)
    end
end
