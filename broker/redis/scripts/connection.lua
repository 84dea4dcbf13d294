-- A person's connections.

local NOBODY = '-' -- holds a connection that is suspended

-- The node that holds a connection, since when, and as whom it is aboard (empty: its person has exited elsewhere), from
-- what `connections` has under it; nothing if that is not ours. Up to the last moment a double holds each exactly.
local function read_connection(text)
    local LAST_MOMENT = '9007199254740992'
    local holder, since, id = string.match(text or '', '^(%S+) (%d+) (.*)$')
    if holder and (#since < #LAST_MOMENT or #since == #LAST_MOMENT and since <= LAST_MOMENT) then
        return holder, since, id
    end
end

-- The list of a person's connections may be missing.
local function has(list, socket)
    return list and string.find(list, socket, 1, true)
end

local function with(list, socket)
    return list and list ~= '' and list .. ' ' .. socket or socket
end

local function without(list, socket)
    local others = {}
    for other in string.gmatch(list or '', '%S+') do
        if other ~= socket then
            others[#others + 1] = other
        end
    end
    return table.concat(others, ' ')
end
