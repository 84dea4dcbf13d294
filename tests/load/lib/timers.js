// Timers are global from k6 0.50 on; before, they have a module, which newer ones no longer have.

module.exports =
  typeof setTimeout === "function"
    ? { setTimeout, clearTimeout, setInterval, clearInterval }
    : require("k6/experimental/timers");
