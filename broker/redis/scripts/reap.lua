-- Takes connections from a dead node, a page of them: they are suspended, or end at once where there is no recovery.
-- One that is put off (its person has exited elsewhere) waits in any case: if the node was only silent, its restoration
-- must find that. Nobody is told when it ends.
--
-- ARGV  node cursor limit
--
-- Answers {'ok', epoch, offset, chain, taken, cursor}; the cursor is 0 after the last page.

local node, cursor, limit = unpack(ARGV, 9)

persons = redis.call('HLEN', users)
redis.call('ZCARD', away)
epoch, offset, chain = find_position()
local page = redis.call('HSCAN', connections, cursor, 'COUNT', limit)
local taken = 0
for i = 1, #page[2], 2 do
    local socket = page[2][i]
    local holder, since, id = read_connection(page[2][i + 1])
    if holder == node then
        if id == '' or window ~= '0' then
            suspend_connection(socket, since, id, id == '' and math.max(window, 2000) or window)
        else
            end_connection(candidate .. i, socket, id)
        end
        taken = taken + 1
    end
end
set_expiry(persons)
if offset ~= '0' then
    redis.call('HSET', meta, 'offset', offset, 'chain', chain)
end
publish_told()
return {'ok', epoch, offset, chain, taken, page[1]}
