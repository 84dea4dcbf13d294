export const EVENT_WORDS = {
    boarded: "eventBoarded",
    exited: "eventExited",
    disconnected: "eventDisconnected",
} as const;
