/** A cart on a rail with a pole; the pole leans by a hair, as in the published model. */
export const INVERTED_PENDULUM = `
<mujoco model="inverted_pendulum">
  <option timestep="0.02" integrator="RK4"/>
  <default>
    <joint damping="1"/>
    <geom contype="0" friction="1 0.1 0.1"/>
  </default>
  <worldbody>
    <geom name="rail" type="capsule" fromto="1 0 0 -1 0 0" size="0.02"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0" range="-1 1"/>
      <geom name="cart" type="capsule" fromto="0.1 0 0 -0.1 0 0" size="0.1"/>
      <body name="pole">
        <joint name="hinge" axis="0 1 0" range="-90 90"/>
        <geom name="cpole" type="capsule" fromto="0 0 0 0.001 0 0.6" size="0.049"/>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="slide" joint="slider" gear="100" ctrlrange="-3 3"/>
  </actuator>
</mujoco>
`
