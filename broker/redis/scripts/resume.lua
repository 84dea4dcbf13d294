-- A client is back: the connection becomes this node's, whether it was suspended or is still held by a node that has
-- not noticed the drop. Nobody is told. `detail` is its person's record, empty when it is not aboard. One that is put
-- off stays so, and is nobody's any more: it may board here.

if repeated and holder and not mine then
    word = 'refused'
elseif repeated then
    from, detail = since, aboard
elseif aboard then
    id = current
    list = redis.call('HGET', connections, '@' .. id)
    from, detail = clock_after(since), aboard
    holds = true
elseif current == '' and not mine and not suspended then
    suspend_connection(socket, clock_after(since), '', window)
end
