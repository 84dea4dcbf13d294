// A number from the environment: RIDERS=1000 make load SCRIPT=spike.

export const setting = (name, otherwise) => Number(__ENV[name] || otherwise);
