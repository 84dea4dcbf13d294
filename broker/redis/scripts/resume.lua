-- A client is back: the connection becomes this node's, whether it was suspended or is still held by a node that has
-- not noticed the drop. Nobody is told. `detail` is its person's record, empty when it is not aboard. One that is put
-- off stays so, and is nobody's any more: it may board here.

if repeated then
    if holder and not mine then
        return answer_undone('refused')
    end
    return ok(since, aboard)
end
if not aboard then
    if current == '' and not mine and not suspended then
        suspend_connection(socket, clock_after(since), '', window)
    end
    return ok()
end
id = current
list = redis.call('HGET', connections, '@' .. id)
since = clock_after(since)
hold(since)
return ok(since, aboard)
