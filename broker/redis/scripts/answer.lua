            -- The end of what operation.lua has begun.
            if word == 'ok' then
                local as_before = holds and mine and from == since and current == id and has(list, socket)
                if holds and not as_before then
                    list = has(list, socket) and list or with(list, socket)
                    redis.call('HSET', connections, socket, node .. ' ' .. from .. ' ' .. id, '@' .. id, list)
                end
                if holds and suspended then
                    redis.call('ZREM', away, socket)
                elseif holds and holder and not mine then
                    -- It has not suspended the connection: it does not know yet.
                    local prefix, name = string.match(users, '^([^{]*){([^}]*)}')
                    redis.call('PUBLISH', prefix .. 'node:' .. holder, 'taken ' .. name .. ' ' .. from .. ' ' .. socket)
                end
                if not repeated then
                    last, done = step, sequence
                    found = as_before and found -- what was read may be changed
                end
                may_end = may_end or not stays
                word = (repeated and 'done ' or 'ok ') .. (place or epoch .. ' ' .. offset .. ' ' .. chain) .. ' '
                    .. (from or '0') .. ' ' .. (detail or '')
            else
                may_end = true
            end
        end
        answers[#answers + 1] = word
        early = step > last
    end

    -- What is kept and told of a ride is so once for all its operations. That they are done is written last: what is
    -- ended before has not been done.
    if was_empty or may_end then
        set_expiry(persons)
    end
    if done then
        redis.call('HSET', meta, 'offset', offset, 'chain', chain, 'done:' .. run, done)
    end
    publish_told()
end
return answers
