import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef, type ReactNode } from "react";

const ROW_PX = 36;

/** Draws only the rows that can be seen, of however many. The keyboard scrolls it. */
export function VirtualList<T>(props: {
    items: T[];
    label: string;
    keyOf: (item: T) => string | number;
    row: (item: T) => ReactNode;
}) {
    const { items, label, keyOf, row } = props;
    const box = useRef<HTMLDivElement>(null);
    // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoized
    const virtual = useVirtualizer({
        count: items.length,
        getScrollElement: () => box.current,
        estimateSize: () => ROW_PX,
        overscan: 8,
    });
    return (
        <div ref={box} className="list" role="region" aria-label={label} tabIndex={0}>
            <ul style={{ height: virtual.getTotalSize() }}>
                {virtual.getVirtualItems().map(({ index, start }) => {
                    const item = items[index];
                    return item === undefined ? null : (
                        <li
                            key={keyOf(item)}
                            style={{ height: ROW_PX, transform: `translateY(${start}px)` }}
                            aria-setsize={items.length}
                            aria-posinset={index + 1}
                        >
                            {row(item)}
                        </li>
                    );
                })}
            </ul>
        </div>
    );
}
