-- A node puts back a connection whose client it still has. Its person missing, or aboard with an older record: told.
-- Else the connection is taken back in silence. `detail` says what has changed: 'missing', or 'off' where the person
-- has exited through another connection and must not come back; or it is the person's record, where the node has
-- another one that does not count.

if stale then
    return answer_undone('refused')
end
local from = tenure ~= '0' and tenure or mine and since or clock_after(since or 0)
if repeated then
    return ok(from)
end
local news = told_since(kind)
if current == '' and tonumber(since) >= tonumber(tenure) or news == 'exited' then
    return ok(since, 'off')
end
local missing = put_back(news)
hold(from)
return ok(from, missing and 'missing' or aboard ~= user and aboard)
