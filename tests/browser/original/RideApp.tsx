// A ride app as it was written for a Node.js server, before ridecast: the server's address, the calls and the records
// are what such apps have, and nothing here knows of ridecast.

import React, { useEffect, useState } from "react";
import io, { type Socket } from "socket.io-client";

interface User {
  id: string;
  name: string;
}

const socket: Socket = io("http://localhost:3000");

const RideApp: React.FC = () => {
  const [user] = useState<User>({ id: "user123", name: "John Doe" });
  const [isBoarded, setIsBoarded] = useState(false);

  useEffect(() => {
    socket.on("userBoarded", (data: User) => console.log(`User boarded: ${data.name}`));
    socket.on("userExited", (data: User) => console.log(`User exited: ${data.name}`));
    return () => {
      socket.off("userBoarded");
      socket.off("userExited");
    };
  }, []);

  const say = (status: "boarding" | "exiting") => {
    socket.emit("message", JSON.stringify({ ...user, status }));
    setIsBoarded(status === "boarding");
  };

  return (
    <div>
      <h1>Ride App</h1>
      <p>User: {user.name}</p>
      <button onClick={() => say("boarding")} disabled={isBoarded}>
        {isBoarded ? "Boarded" : "Board"}
      </button>
      <button onClick={() => say("exiting")} disabled={!isBoarded}>
        Exit
      </button>
    </div>
  );
};

export default RideApp;
