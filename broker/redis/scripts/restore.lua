-- A node puts back a connection whose client it still has. Its person missing: back, and told. Aboard: the connection
-- is taken back in silence, unless it is the only one and has another record: `kind` says that the node has heard every
-- event, so that its record is the newest. `detail` says what has changed: 'missing', or 'off' where the person has
-- exited through another connection and must not come back.

if stale then
    return refuse()
end
if repeated then
    return ok(tenure)
end
if current == '' and tonumber(since) >= tonumber(tenure) then
    return ok(since, 'off')
end
leave_other()
local detail = ''
if not aboard or kind == 'newest' and aboard ~= user and without(list, socket) == '' then
    tell(operation, 'restored', socket, user)
    redis.call('HSET', users, id, user)
    detail = 'missing'
end
hold(tenure)
return ok(tenure, detail)
