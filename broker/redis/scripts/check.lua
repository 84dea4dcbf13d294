-- Which of the connections that a node holds are not in Redis as it holds them. Changes nothing.
--
-- ARGV  node held
--
-- held   for each connection 20 letters of its name and 8 of its record's fingerprint
--
-- Answers the names of those that are missing, or another node's, or whose person is missing or has another record.

local node, held = unpack(ARGV, 9)

local sockets, marks, missing = {}, {}, {}
for socket, mark in string.gmatch(held, '(....................)(........)') do
    sockets[#sockets + 1] = socket
    marks[#marks + 1] = mark
end

local ids = {}
for i, text in ipairs(redis.call('HMGET', connections, unpack(sockets))) do
    local holder, _, id = read_connection(text)
    ids[i] = holder == node and id or ''
end
for i, record in ipairs(redis.call('HMGET', users, unpack(ids))) do
    if not record or string.sub(redis.sha1hex(record), 1, 8) ~= marks[i] then
        missing[#missing + 1] = sockets[i]
    end
end
return missing
