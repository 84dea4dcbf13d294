-- The events of a ride after a position, in pages. Where it is comes from a client, so it is believed in nothing, and
-- nothing is changed.
--
-- ARGV  page
--
-- Answers {'log', epoch, offset of the ride, chain, entries}, or {'gone'} where the log does not reach back to the
-- position, or tells another history.

local page = ARGV[9]

local at = redis.call('HMGET', meta, 'epoch', 'offset', 'chain')
epoch, offset, chain = at[1], at[2], at[3]
if not is_position() or epoch ~= known_epoch or not leads_on(known_offset, known_chain) then
    return {'gone'}
end
local first = string.format('%.0f-0', known_offset + 1)
local entries = redis.call('XRANGE', log, first, '+', 'COUNT', page)
if known_offset ~= offset and (not entries[1] or entries[1][1] ~= first) then
    return {'gone'}
end
return {'log', epoch, offset, chain, entries}
