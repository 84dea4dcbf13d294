-- What a gateway needs to be up to date with a ride: the events it has missed if the log reaches back that far,
-- else the roster.
--
-- ARGV  page
--
-- page          how many events or users one answer may hold
--
-- Answers, each with the ride's position:
--   {'log', epoch, offset, chain, entries}   what follows the known position, oldest first, perhaps not all of it
--   {'users', epoch, offset, chain, {id, user, ...}}
--   {'large', epoch, offset, chain}          more users than a page: to be read with HSCAN
--   {'anew', epoch, 0, chain}                a new epoch whose log goes back to where it began, with nobody aboard

local page = ARGV[8]

local count = redis.call('HLEN', users)
redis.call('XLEN', log)
find_position()
set_expiry()

local function answer(word, more)
    return {word, epoch, offset, chain, more}
end

if known_epoch == epoch then
    if known_offset == offset then
        return answer('log', {})
    end
    local next_id = string.format('%.0f-0', known_offset + 1)
    local entries = redis.call('XRANGE', log, next_id, '+', 'COUNT', page)
    if entries[1] and entries[1][1] == next_id then
        return answer('log', entries)
    end
end
if known_epoch ~= '' and known_epoch ~= epoch and redis.call('HGET', meta, 'began') == '0'
        and (offset == '0' or #redis.call('XRANGE', log, '1-0', '1-0') == 1) then
    return {'anew', epoch, '0', BEGINNING}
end
if count > tonumber(page) then
    return answer('large')
end
return answer('users', redis.call('HGETALL', users))
