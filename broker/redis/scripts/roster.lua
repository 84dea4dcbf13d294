-- What a gateway needs to be up to date with a ride: the events it has missed if the log reaches back that far,
-- else the roster.
--
-- KEYS  users meta log
-- ARGV  epoch known_epoch known_offset page
--
-- epoch         for a ride that has none
-- known_*       where the gateway is; an empty epoch: nowhere
-- page          how many events or users one answer may hold
--
-- Answers, each with the ride's position:
--   {'log', epoch, offset, entries}   what follows the known position, oldest first, perhaps not all of it
--   {'users', epoch, offset, {socket, user, ...}}
--   {'large', epoch, offset}          more users than a page: to be read with HSCAN
--   {'anew', epoch, 0}                a new epoch whose log goes back to where it began, with nobody aboard

local users, meta, log = unpack(KEYS)
local candidate, known_epoch, known_offset, page = unpack(ARGV)

local count = redis.call('HLEN', users)
redis.call('XLEN', log)
local epoch, offset = position(users, meta, log, candidate, known_epoch, known_offset)
set_expiry(users, meta, log)

if known_epoch == epoch then
    local behind = tonumber(offset) - tonumber(known_offset)
    if behind == 0 then
        return {'log', epoch, offset, {}}
    end
    if behind > 0 then
        local next_id = string.format('%.0f-0', known_offset + 1)
        local entries = redis.call('XRANGE', log, next_id, '+', 'COUNT', page)
        if entries[1] and entries[1][1] == next_id then
            return {'log', epoch, offset, entries}
        end
    end
end
if known_epoch ~= '' and known_epoch ~= epoch and redis.call('HGET', meta, 'began') == '0'
        and (offset == '0' or #redis.call('XRANGE', log, '1-0', '1-0') == 1) then
    return {'anew', epoch, '0'}
end
if count > tonumber(page) then
    return {'large', epoch, offset}
end
return {'users', epoch, offset, redis.call('HGETALL', users)}
