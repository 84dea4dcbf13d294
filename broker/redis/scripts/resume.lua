-- A client is back: the connection becomes this node's, whether it was suspended or is still held by a node that has
-- not noticed the drop. Nobody is told. `detail` is its person's record, empty when it is not aboard.

if repeated then
    if holder and not mine then
        return refuse()
    end
    return ok(since, aboard)
end
if not aboard or current == '' then
    return ok()
end
id = current
list = redis.call('HGET', connections, '@' .. id)
since = clock_after(since)
hold(since)
return ok(since, aboard)
