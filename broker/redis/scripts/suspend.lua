-- The connection dropped: it stays aboard until the window has passed, but for what the client has resumed elsewhere.
-- One that is put off stays so. If Redis has lost it, and no event says why, it is put back.

if not repeated and mine then
    redis.call('ZCARD', away)
    suspend_connection(socket, since, current, limit ~= '0' and current ~= '' and limit or window)
elseif not repeated and not holder and id ~= '' and told_since(heard) == 'nothing' then
    redis.call('ZCARD', away)
    put_back('nothing')
    redis.call('HSET', connections, '@' .. id, has(list, socket) and list or with(list, socket))
    suspend_connection(socket, tenure ~= '0' and tenure or clock_after(0), id, window)
end
