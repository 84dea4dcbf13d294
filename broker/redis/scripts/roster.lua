-- What a gateway needs to be up to date with a ride: the events it has missed if the log reaches back that far,
-- else the roster.
--
-- ARGV  page from_epoch from_offset from_chain renew
--
-- page      how many events or users one answer may hold
-- from_*    up to where the gateway has been told; an empty epoch: it knows nothing. What is known of the ride may be
--           later: the answer to a transition comes before its event
-- renew     1: what the gateway has been told is not what is here, though no event is missing. Then the log does not
--           lead to what is here, and whoever came back would be told wrongly: a new epoch begins, if none has
--
-- Answers, each with the ride's position:
--   {'log', epoch, offset, chain, entries}   what follows that position, oldest first, perhaps not all of it
--   {'users', epoch, offset, chain, {id, user, ...}}
--   {'large', epoch, offset, chain}          more users than a page: to be read with HSCAN
--   {'anew', epoch, 0, chain, began}         a new epoch whose log goes back to where it began, and whether somebody
--                                            was aboard

local page, from_epoch, from_offset, from_chain, renew = unpack(ARGV, 9)

local count = redis.call('HLEN', users)
redis.call('XLEN', log)
epoch, offset, chain = find_position()
if from_epoch == epoch and (renew == '1' or not leads_on(offset, chain, from_offset, from_chain)) then
    epoch, offset, chain = begin_anew()
end
set_expiry(count)

local function answer(word, more)
    return {word, epoch, offset, chain, more}
end

if from_epoch == epoch then
    if from_offset == offset then
        return answer('log', {})
    end
    local next_id = string.format('%d-0', from_offset + 1)
    local entries = redis.call('XRANGE', log, next_id, '+', 'COUNT', page)
    if entries[1] and entries[1][1] == next_id then
        return answer('log', entries)
    end
end
if from_epoch ~= '' and from_epoch ~= epoch and (offset == '0' or #redis.call('XRANGE', log, '1-0', '1-0') == 1) then
    return {'anew', epoch, '0', BEGINNING, redis.call('HGET', meta, 'began') == '0' and 0 or 1}
end
if count > tonumber(page) then
    return answer('large')
end
return answer('users', redis.call('HGETALL', users))
