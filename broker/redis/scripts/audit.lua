-- Goes through a ride, a page at a time, and mends what no event has made so: keys that somebody deleted, spoiled or
-- brought back from an older copy.
--
-- ARGV  what cursor limit pause rest
--
-- what     'connections' or 'users': what is gone through
-- pause    in milliseconds: a ride that was gone through less than that ago is left alone;
-- rest     and for so much longer for each page that it has
--
-- Every connection that a node holds is named to it on its own channel; it suspends what it does not hold. A suspended
-- connection has a deadline, one that is put off, too. A person's list has its connections, and they are aboard as that
-- person. A person without any gets one that is suspended, and every node is asked to check what it holds: so the
-- person is found, or ends.
--
-- Of a ride that has not begun there is nothing to mend, and nothing is written.
--
-- Answers {'ok', epoch, offset, chain, how many are aboard, how many are suspended, cursor, nodes, whether something
-- was wrong that the nodes may know better, marks} (the cursor is 0 after the last page) or {'recent', epoch, offset,
-- chain, aboard, suspended}.

local what, cursor, limit, pause, rest = unpack(ARGV, 9)

local function delete_spoiled()
    local kinds = {[users] = 'hash', [connections] = 'hash', [away] = 'zset', [meta] = 'hash', [log] = 'stream'}
    for key, kind in pairs(kinds) do
        local is = redis.call('TYPE', key).ok
        if is ~= kind and is ~= 'none' then
            redis.call('DEL', key)
        end
    end
end

-- Whether the log ends where the ride is. One that is missing is no other history.
local function log_is_its_own()
    local entry = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
    return not entry or entry[1] == offset .. '-0' and entry[2][2] == chain
end

-- Until the next audit of a ride that is empty and watched, where there are many. Gateways let go of it ten seconds
-- after its last client, so that with this a minute later nothing of it is left.
local LIFE_MS = 45000

local function answer(word, ...)
    return {word, epoch, offset, chain, redis.call('HLEN', users),
        redis.call('ZCARD', away), ...}
end

local wrong = false -- something that the nodes may know better

-- What a hash has under each of some fields. Lua passes no more than some thousand at once. And more than that come only
-- from a hash that Redis keeps as a list, of which a page is all: the other one may be a list, too, and looked through
-- from its beginning for each field. So it is read whole, unless it is far larger.
local AT_ONCE = 1000

local function hmget(key, fields)
    local values = {}
    if #fields > AT_ONCE and redis.call('HLEN', key) < 32 * #fields then
        local all, under = redis.call('HGETALL', key), {}
        for i = 1, #all, 2 do
            under[all[i]] = all[i + 1]
        end
        for i, field in ipairs(fields) do
            values[i] = under[field] or false
        end
        return values
    end
    for first = 1, #fields, AT_ONCE do
        local some = redis.call('HMGET', key, unpack(fields, first, math.min(first + AT_ONCE - 1, #fields)))
        for i = 1, #some do
            values[first + i - 1] = some[i]
        end
    end
    return values
end

-- In a list: more than a person may have. Those behind them are put into the list again if they are right.
local LISTED = 1000

local function mend_lists(lists)
    local sockets, owners, kept, seen = {}, {}, {}, {}
    for id, list in pairs(lists) do
        kept[id] = {}
        for socket in string.gmatch(string.sub(list, 1, LISTED * 21), '%S+') do
            sockets[#sockets + 1], owners[#owners + 1] = socket, id
        end
    end
    for i, text in ipairs(hmget(connections, sockets)) do
        local _, _, as = read_connection(text)
        if as == owners[i] and not seen[sockets[i]] then
            seen[sockets[i]] = true
            table.insert(kept[as], sockets[i])
        end
    end
    for id, list in pairs(lists) do
        local right = table.concat(kept[id], ' ')
        if right == '' then
            redis.call('HDEL', connections, '@' .. id)
        elseif right ~= list then
            redis.call('HSET', connections, '@' .. id, right)
        end
        wrong = wrong or right ~= list
    end
end

local function mend_deadline(socket)
    if not redis.call('ZSCORE', away, socket) then
        redis.call('ZADD', away, deadline_in(math.max(window, 2000)), socket)
    end
end

local function mend_connection(connection, list, record)
    local socket, id = connection.socket, connection.id
    if connection.holder == NOBODY and not record then
        local others = without(redis.call('HGET', connections, '@' .. id), socket)
        redis.call('HDEL', connections, socket)
        if others == '' then
            redis.call('HDEL', connections, '@' .. id)
        else
            redis.call('HSET', connections, '@' .. id, others)
        end
        redis.call('ZREM', away, socket)
        return
    end
    if not has(list, socket) then
        list = redis.call('HGET', connections, '@' .. id) -- another of this page may be there by now
        redis.call('HSET', connections, '@' .. id, with(list, socket))
    end
    if connection.holder == NOBODY then
        mend_deadline(socket)
    end
    wrong = wrong or not record
end

local function lists_of(ids)
    local fields = {}
    for i, id in ipairs(ids) do
        fields[i] = '@' .. id
    end
    return hmget(connections, fields)
end

-- Tells each node what it is said to hold. Answers their names.
local function name_to_holders(claims)
    local nodes = {}
    local prefix, name = string.match(users, '^([^{]*){([^}]*)}')
    for node, sockets in pairs(claims) do
        nodes[#nodes + 1] = node
        redis.call('PUBLISH', prefix .. 'node:' .. node, 'held ' .. name .. ' ' .. table.concat(sockets, ' '))
    end
    return nodes
end

local function mend_connections(page)
    local lists, aboard, ids, claims = {}, {}, {}, {}
    for i = 1, #page, 2 do
        local field = page[i]
        local holder, since, id = read_connection(page[i + 1])
        if string.sub(field, 1, 1) == '@' then
            lists[string.sub(field, 2)] = page[i + 1]
        elseif not holder or #field ~= 20 or string.find(field, '[^%w_-]') then
            redis.call('HDEL', connections, field)
        else
            if id ~= '' then
                aboard[#aboard + 1] = {socket = field, holder = holder, since = since, id = id}
                ids[#ids + 1] = id
            elseif holder == NOBODY then
                mend_deadline(field)
            end
            if holder ~= NOBODY then
                claims[holder] = claims[holder] or {}
                table.insert(claims[holder], field)
            end
        end
    end
    mend_lists(lists)
    local records, listed = hmget(users, ids), lists_of(ids)
    for i, connection in ipairs(aboard) do
        mend_connection(connection, listed[i], records[i])
    end
    return name_to_holders(claims)
end

local marks = 0 -- of the records of this page: the sum of the first eight digits of each one's fingerprint

local function mend_users(page)
    local ids = {}
    for i = 1, #page, 2 do
        marks = marks + tonumber(string.sub(redis.sha1hex(page[i + 1]), 1, 8), 16)
        ids[#ids + 1] = page[i]
    end
    for i, list in ipairs(lists_of(ids)) do
        if ids[i] == '' then
            redis.call('HDEL', users, '') -- nobody has no name
            wrong = true
        elseif not list then
            local socket = string.sub(redis.sha1hex(candidate .. ids[i]), 1, 20)
            redis.call('HSET', connections, '@' .. ids[i], socket)
            suspend_connection(socket, clock_after(0), ids[i], math.max(window, 2000))
            wrong = true
        end
    end
    return {}
end

-- What processes did here that have not been heard of for a day. Their sequences begin as the microseconds of a clock.
local RUNS_KEPT = 64

local function forget_old_runs()
    if redis.call('HLEN', meta) < RUNS_KEPT then
        return
    end
    local day_ago = clock_after(0) - 86400e6
    local all = redis.call('HGETALL', meta)
    for i = 1, #all, 2 do
        if string.sub(all[i], 1, 5) == 'done:' and (tonumber(all[i + 1]) or 0) < day_ago then
            redis.call('HDEL', meta, all[i])
        end
    end
end

delete_spoiled()
local before
epoch, offset, chain, before = find_position('audited')
if offset == '0' and redis.call('EXISTS', connections, away, meta, log) == 0 then
    return answer('recent')
end
if cursor == '0' and what == 'connections' then
    local now = deadline_in(0)
    local long = math.min((redis.call('HLEN', connections) + redis.call('HLEN', users)) / limit * rest, 30000)
    if before and tonumber(before) and math.abs(now - before) < math.max(pause, long) then
        set_expiry(redis.call('HLEN', users), LIFE_MS)
        return answer('recent')
    end
    if not log_is_its_own() then
        epoch, offset, chain = begin_anew()
    end
    redis.call('HSET', meta, 'audited', now)
    forget_old_runs()
end
local page = redis.call('HSCAN', what == 'users' and users or connections, cursor, 'COUNT', limit)
local nodes = what == 'users' and mend_users(page[2]) or mend_connections(page[2])
if wrong then
    redis.call(ARGV.publish or 'PUBLISH', channel, 'check')
end
set_expiry(redis.call('HLEN', users), LIFE_MS)
return answer('ok', page[1], nodes, wrong and 1 or 0, marks)
