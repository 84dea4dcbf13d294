-- A client is back: the socket becomes this node's, whether it was suspended or is still held by a node that has not
-- noticed the drop. Nobody is told. `detail` is the rider's record, empty when nobody is aboard.

if repeated then
    if holder and not mine then
        return refuse()
    end
    return ok(since, aboard)
end
if not aboard then
    return ok()
end
since = clock_after(since or 0)
hold(since)
return ok(since, aboard)
