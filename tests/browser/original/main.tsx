import { createRoot } from "react-dom/client";
import RideApp from "./RideApp";

createRoot(document.getElementById("root")!).render(<RideApp />);
