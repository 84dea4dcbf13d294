-- A node puts back a connection whose client it still has. Its person missing, or aboard with an older record: told.
-- Else the connection is taken back in silence. `detail` says what has changed: 'missing', or 'off' where the person
-- has exited through another connection and must not come back; or it is the person's record, where the node has
-- another one that does not count.

if stale then
    word = 'refused'
else
    from = tenure ~= '0' and tenure or mine and since or clock_after(since or 0)
    if not repeated then
        local news = told_since(heard)
        if current == '' and tonumber(since) >= tonumber(tenure) or news == 'exited' then
            from, detail = since, 'off'
        else
            detail = put_back(news) and 'missing' or aboard ~= user and aboard
            holds = true
        end
    end
end
