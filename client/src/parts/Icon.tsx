// The few pictures, drawn in the text's colour; what they mean is always said in words beside them.

const PATHS = {
    sun: "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6l1.4 1.4M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0",
    moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5Z",
    boarded: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
    exited: "M10 4H5v16h5M9 12h11M16 8l4 4-4 4",
    disconnected:
        "M5 5l14 14M8.5 12.5a5 5 0 0 1 2-1.2M15.5 12.5a5 5 0 0 0-1-.7M5 9a10 10 0 0 1 3-1.9M19 9a10 10 0 0 0-7.5-2.9M12 17.5h.01",
    close: "M6 6l12 12M18 6L6 18",
    pause: "M9 5v14M15 5v14",
    play: "M8 5l11 7-11 7Z",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
    return (
        <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d={PATHS[name]} />
        </svg>
    );
}
