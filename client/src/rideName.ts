// A ride's name as the gateway takes it: "/" and 1 to 128 bytes in all of A-Z a-z 0-9 / _ . ~ - with no "/" at its end
// and no two in a row.

const NAME = /^(?!.{129})(\/|(\/[A-Za-z0-9_.~-]+)+)$/;

/** What somebody typed as a ride's name ("line-7" is "/line-7", nothing is "/"), or null. */
export function rideName(typed: string): string | null {
    const trimmed = typed.trim();
    const name = trimmed.startsWith("/") ? trimmed : `/${trimmed}`;
    return NAME.test(name) ? name : null;
}
