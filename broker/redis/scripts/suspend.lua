-- The connection dropped: the rider stays aboard until the window has passed, unless the client has resumed elsewhere.
-- The holder is kept, so that the same node can take it back and no other needs to be asked.

if not repeated then
    unlist()
    if aboard and mine then
        redis.call('ZADD', away, deadline_in(window), socket)
    end
end
return ok()
