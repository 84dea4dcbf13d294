-- Stands in front of the scripts that may find that Redis has lost a connection, behind operation.lua.

local aboard = id ~= '' and redis.call('HGET', users, id)
local heard, origin = string.match(kind, '^(%d*)(.*)$')

local function id_of(record)
    local readable, parsed = pcall(cjson.decode, record)
    return readable and type(parsed) == 'table' and parsed.id
end

-- What has been told of the person since the node last heard: the kind of the latest event about it, but 'exited' where
-- it has exited and this connection has not boarded after that; 'nothing', or nil where that is not known.
local function told_since(heard)
    if heard == '' or offset - heard > SEARCHED then
        return nil
    end
    local entries = redis.call('XREVRANGE', log, '+', string.format('%d-0', heard + 1), 'COUNT', SEARCHED)
    local latest
    for _, entry in ipairs(entries) do
        local told = entry[2][6]
        if id_of(entry[2][10]) == id then
            latest = latest or told
            if told == 'exited' then
                return told
            elseif entry[2][8] == socket and (told == 'boarded' or told == 'restored') then
                break
            end
        end
    end
    return latest or #entries == offset - heard and 'nothing' or nil
end

-- The connection is aboard as `id` after all. Answers whether something had to be told: the person was missing, or had
-- an older record than the node's, which is the latest if nothing has been told of the person since. Behind the
-- operation's name stands the boarding that had told it, for whoever sends that again (transition.lua).
local function put_back(news)
    if moves then
        end_connection(operation, socket, current)
    end
    local missing = not aboard or news == 'nothing' and aboard ~= user
    if missing then
        tell(operation .. origin, 'restored', socket, user)
        persons = persons + redis.call('HSET', users, id, user)
    end
    return missing
end
