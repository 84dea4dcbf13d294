-- Stands behind the scripts that operation.lua stands in front of.

if word ~= 'ok' then
    set_expiry() -- a new epoch may have begun here
    return word
end

-- If the node that had the connection has not suspended it, it does not know yet, and is told.
if holds then
    if not mine or from ~= since or current ~= id or not has(list, socket) then
        list = has(list, socket) and list or with(list, socket)
        redis.call('HSET', connections, socket, node .. ' ' .. from .. ' ' .. id, '@' .. id, list)
    end
    if suspended then
        redis.call('ZREM', away, socket)
    elseif holder and not mine then
        local prefix, ride = string.match(users, '^([^{]*){([^}]*)}')
        redis.call('PUBLISH', prefix .. 'node:' .. holder, 'taken ' .. ride .. ' ' .. from .. ' ' .. socket)
    end
end

if not repeated then
    redis.call('HSET', meta, 'offset', offset, 'chain', chain, 'done:' .. run, sequence)
end
if not stays then
    set_expiry()
end
return (repeated and 'done ' or 'ok ') .. epoch .. ' ' .. offset .. ' ' .. chain .. ' ' .. (from or '0') .. ' ' .. (detail or '')
