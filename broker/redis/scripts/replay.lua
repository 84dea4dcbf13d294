-- The events of a ride after a position, in pages. Where it is comes from a client, so it is believed in nothing, and
-- nothing is changed.
--
-- ARGV  page socket before
--
-- socket    of a client that is not aboard, with the first page; else empty
-- before    how many events up to the position are searched for its end
--
-- Answers {'log', epoch, offset of the ride, chain, entries}, or {'gone'} where the log does not reach back to the
-- position, or tells another history, or that the socket has ended.

local page, socket, before = unpack(ARGV, 9)

epoch, offset, chain = unpack(redis.call('HMGET', meta, 'epoch', 'offset', 'chain'))
if not is_position(epoch, offset, chain) or epoch ~= known_epoch or known_chain == ''
    or not leads_on(offset, chain, known_offset, known_chain) then
    return {'gone'}
end
local first = string.format('%d-0', known_offset + 1)
local entries = redis.call('XRANGE', log, first, '+', 'COUNT', page)
if known_offset ~= offset and (not entries[1] or entries[1][1] ~= first) then
    return {'gone'}
end

-- A client may have heard its own end, and more behind it. What comes after the position the gateway sees for itself.
local function may_have_ended()
    local earlier = redis.call('XREVRANGE', log, known_offset .. '-0', '-', 'COUNT', before)
    for _, entry in ipairs(earlier) do
        local kind = entry[2][6]
        if entry[2][8] == socket then
            return kind ~= 'boarded' and kind ~= 'restored'
        end
    end
    return #earlier < math.min(before, known_offset)
end

if socket ~= '' and may_have_ended() then
    return {'gone'}
end
return {'log', epoch, offset, chain, entries}
