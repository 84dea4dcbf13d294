-- The events of a ride after a position, in pages. Where it is comes from a client, so it is believed in nothing, and
-- nothing is changed.
--
-- KEYS  meta log
-- ARGV  epoch offset page
--
-- Answers {'log', epoch, offset of the ride, entries}, or {'gone'} where the log does not reach back to the position.

local meta, log = unpack(KEYS)
local epoch, from, page = unpack(ARGV)

local at = redis.call('HMGET', meta, 'epoch', 'offset')
local behind = at[1] == epoch and tonumber(at[2]) - tonumber(from) or -1
if behind < 0 then
    return {'gone'}
end
local first = string.format('%.0f-0', from + 1)
local entries = redis.call('XRANGE', log, first, '+', 'COUNT', page)
if behind > 0 and (not entries[1] or entries[1][1] ~= first) then
    return {'gone'}
end
return {'log', epoch, at[2], entries}
