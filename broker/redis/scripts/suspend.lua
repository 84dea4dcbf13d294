-- The connection dropped: it stays aboard until the window has passed, but for what the client has resumed elsewhere.
-- If Redis has lost it, and no event says why, it is put back.

if not repeated and mine then
    if current == '' then
        redis.call('HDEL', connections, socket)
    else
        redis.call('ZCARD', away)
        suspend_connection(socket, since, current, limit ~= '0' and limit or window)
    end
elseif not repeated and not holder and id ~= '' and told_since(kind) == 'nothing' then
    redis.call('ZCARD', away)
    put_back('nothing')
    redis.call('HSET', connections, '@' .. id, has(list, socket) and list or with(list, socket))
    suspend_connection(socket, tenure ~= '0' and tenure or clock_after(0), id, window)
end
