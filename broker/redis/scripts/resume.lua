-- A client is back: the connection becomes this node's, whether it was suspended or is still held by a node that has
-- not noticed the drop. Nobody is told. `detail` is its person's record, empty when it is not aboard. One that is put
-- off stays so, and is nobody's any more. In any case the node learns a tenure with which the socket may board and exit
-- here: later than any that was had elsewhere.

local aboard = current and current ~= '' and redis.call('HGET', users, current)
if repeated and holder and not mine then
    word = 'refused'
elseif repeated then
    from, detail = since or clock_after(0), aboard
elseif aboard then
    id = current
    list = redis.call('HGET', connections, '@' .. id)
    from, detail = clock_after(since), aboard
    holds = true
else
    from = mine and since or clock_after(since or 0)
    if current == '' and not mine then
        suspend_connection(socket, from, '', math.max(window, 2000))
    end
end
