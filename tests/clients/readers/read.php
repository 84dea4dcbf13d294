<?php
// Prints what PHP makes of JSON texts: see readers.mjs.
function dump($value) {
    if (is_object($value)) {
        $members = [];
        foreach ($value as $name => $member) $members[] = [bin2hex((string)$name), dump($member)];
        return ["o" => $members];
    }
    if (is_array($value)) return array_map("dump", $value);
    if (is_string($value)) return bin2hex($value);
    return is_int($value) || is_float($value) ? ["n" => json_encode($value)] : $value;
}

while (($line = fgets(STDIN)) !== false)
    echo json_encode(dump(json_decode(hex2bin(trim($line)), false, 512, JSON_THROW_ON_ERROR)), 0, 2048), "\n";
