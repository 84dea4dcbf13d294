// Prints what Go makes of JSON texts: see readers.mjs.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strconv"
)

func dump(value any) any {
	switch it := value.(type) {
	case map[string]any:
		members := [][2]any{}
		for name, member := range it {
			members = append(members, [2]any{dump(name), dump(member)})
		}
		return map[string]any{"o": members}
	case []any:
		elements := []any{}
		for _, element := range it {
			elements = append(elements, dump(element))
		}
		return elements
	case string:
		return hex.EncodeToString([]byte(it))
	case float64:
		return map[string]any{"n": strconv.FormatFloat(it, 'g', -1, 64)}
	}
	return value
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		text, err := hex.DecodeString(lines.Text())
		if err != nil {
			log.Fatal(err)
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			log.Fatal(err)
		}
		out, _ := json.Marshal(dump(value))
		fmt.Println(string(out))
	}
}
