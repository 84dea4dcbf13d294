-- Takes connections from a dead node, a page of them: they are suspended, or end at once where there is no recovery.
--
-- ARGV  node cursor limit
--
-- Answers {'ok', epoch, offset, chain, taken, cursor}; the cursor is 0 after the last page.

local node, cursor, limit = unpack(ARGV, 8)

redis.call('HLEN', users)
redis.call('ZCARD', away)
find_position()
local page = redis.call('HSCAN', connections, cursor, 'COUNT', limit)
local taken = 0
for i = 1, #page[2], 2 do
    local socket = page[2][i]
    local holder, since, id = read_connection(page[2][i + 1])
    if holder == node then
        if id == '' then
            redis.call('HDEL', connections, socket)
        elseif window ~= '0' then
            suspend_connection(socket, since, id, window)
        else
            end_connection(candidate .. i, socket, id)
        end
        taken = taken + 1
    end
end
if taken > 0 then
    keep_position()
end
set_expiry()
return {'ok', epoch, offset, chain, taken, page[1]}
