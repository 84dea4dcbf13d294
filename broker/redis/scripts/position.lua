-- Where a ride is in its stream of events, and when that begins anew.

local FIRST, BEGINNING = '00000000', '00000000' -- every ride's first epoch; the fingerprint before the first event

-- The fingerprint of all events up to one, from that of all before it.
local function chain_on(before, operation, kind, socket)
    return string.sub(redis.sha1hex(before .. ' ' .. operation .. ' ' .. kind .. ' ' .. socket), 1, 8)
end

local function is_position(epoch, offset, chain)
    return epoch and offset and chain and #epoch == 8 and #offset <= 15 and #chain == 8
        and string.find(epoch, '^[%w_-]+$') and string.find(offset, '^%d+$') and string.find(chain, '^[%da-f]+$')
end

-- Whether the ride's events, which are at `offset` and `chain`, go on from an earlier position of their epoch. What the
-- log does not reach is believed.
local function leads_on(offset, chain, from_offset, from_chain)
    local behind = offset - from_offset
    if behind < 0 or from_chain == '' then
        return behind >= 0
    end
    if behind == 0 then
        return chain == from_chain
    end
    local entry = redis.call('XRANGE', KEYS[5], from_offset .. '-0', '+', 'COUNT', 1)[1]
    if not entry then
        return true
    end
    local id, fields = entry[1], entry[2]
    if #fields < 8 then
        return false -- no event of ours
    end
    if id == from_offset .. '-0' then
        return fields[2] == from_chain
    end
    return id ~= string.format('%d-0', from_offset + 1)
        or fields[2] == chain_on(from_chain, fields[4], fields[6], fields[8])
end

-- A new epoch. `began` says how many were aboard: with nobody, its log tells everything about it. Whoever follows the
-- ride is told, since there may be no event for long.
local function begin_anew()
    local users, _, _, meta, log = unpack(KEYS)
    local channel, _, _, epoch, known_epoch = unpack(ARGV, 1, 5)
    local offset, chain = '0', BEGINNING
    redis.call('DEL', log)
    redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'chain', chain, 'began', redis.call('HLEN', users))
    if known_epoch ~= '' then
        redis.call(ARGV.publish or 'PUBLISH', channel, 'anew')
    end
    return epoch, offset, chain
end

-- Answers the position, and another field of `meta`. A new epoch begins when the ride has lost its position, or has one
-- that no script of ours wrote, or when Redis has gone back: to before what the caller knows, or to an epoch that is
-- over. Then this is an older copy, and what was told since would be told anew under the same numbers.
--
-- Where nothing ever happened, as far as the caller and Redis know, the ride is at the beginning of its first epoch.
-- Nobody has to write that down: whoever only asks about such a ride, or joins it, leaves nothing.
local function find_position(field)
    local known_epoch, known_offset, known_chain, left = unpack(ARGV, 5, 8)
    local epoch, offset, chain, value = unpack(redis.call('HMGET', KEYS[4], 'epoch', 'offset', 'chain', field or 'began'))
    if epoch == known_epoch and offset == known_offset and chain == known_chain and epoch ~= '' then
        return epoch, offset, chain, value
    end
    local goes_on = is_position(epoch, offset, chain)
    if goes_on and epoch == known_epoch then
        goes_on = leads_on(offset, chain, known_offset, known_chain)
    elseif goes_on then
        goes_on = not string.find(left, epoch, 1, true) and (epoch ~= FIRST or known_epoch == '')
    elseif not (epoch or offset or chain) and left == ''
        and (known_epoch == '' or known_epoch == FIRST and known_offset == '0') and redis.call('HLEN', KEYS[1]) == 0 then
        return FIRST, '0', BEGINNING, value
    end
    if not goes_on then
        epoch, offset, chain = begin_anew()
    end
    return epoch, offset, chain, value
end
