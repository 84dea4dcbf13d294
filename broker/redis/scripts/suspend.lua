-- The connection dropped: it stays aboard until the window has passed, but for what the client has resumed elsewhere.
-- `user` is another window, where one is given.

if not repeated and mine then
    if current == '' then
        redis.call('HDEL', connections, socket)
    else
        redis.call('ZCARD', away)
        suspend_connection(socket, since, current, user ~= '' and user or window)
    end
end
return ok()
