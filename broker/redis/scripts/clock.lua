-- Redis' clock in microseconds, and later than a moment in any case. A double holds it exactly. It may step, ahead or
-- back.
local function clock_after(moment)
    local time = redis.call('TIME')
    local now = string.format('%d%06d', time[1], time[2])
    return tonumber(now) > tonumber(moment) and now or string.format('%d', moment + 1)
end
