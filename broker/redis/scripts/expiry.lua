-- How long a ride's keys live.

-- Nothing expires while somebody is aboard: a position lost under riders would number their next events anew. Of an
-- empty ride position and log stay until whoever was away from it may have come back, and for `at_least` milliseconds.
-- How many are aboard is the caller's to know: it may not ask any more for what it has emptied (event.lua).
local function set_expiry(aboard, at_least)
    local _, _, _, meta, log = unpack(KEYS)
    if aboard > 0 then
        redis.call('PERSIST', meta)
        redis.call('PERSIST', log)
    else
        local window = ARGV[2]
        local life = math.max(window + 10000, at_least or 30000)
        redis.call('PEXPIRE', meta, life)
        redis.call('PEXPIRE', log, life)
    end
end
